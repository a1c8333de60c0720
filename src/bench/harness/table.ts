export type Row = readonly string[];

/** Writes a table with a title above and remarks below. The first column is set left, the others right. */
export function printTable(title: string, head: Row, rows: readonly Row[], remarks: readonly string[] = []): void {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? '').length)));
  const line = (row: Row): string =>
    `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')}`;
  const rule = `  ${widths.map((width) => '-'.repeat(width)).join('  ')}`;
  print(['', title, '', line(head), rule, ...rows.map(line), ...remarks.map((remark) => `  ${remark}`)].join('\n'));
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** `1,234.5` */
export function number(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `1.23x`, of a baseline. */
export function ratio(value: number): string {
  return `${value.toFixed(2)}x`;
}

/** `+1.2 %` for a ratio of 1.012. */
export function change(value: number): string {
  const percent = (value - 1) * 100;
  return `${percent < 0 ? '' : '+'}${percent.toFixed(1)} %`;
}

export function dollars(value: number): string {
  return `$${number(value, 4)}`;
}
