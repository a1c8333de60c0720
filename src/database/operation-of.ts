const COMMENTS_AND_STRINGS = /--[^\n]*|\/\*[^]*?\*\/|'[^']*'/g;
const MAIN_VERB = /\b(?:select|insert|update|delete|merge)\b/i;
const TABLE = /\b(?:from|into|update)\s+(?:"?\w+"?\.)?"?(\w+)"?/i;

/** `select passages`, `insert llm_calls`: the verb and the first table, for receipts and logs. */
export function operationOf(sql: string): string {
  const outline = outlineOf(sql);
  const [verb = 'query'] = (/^\s*with\b/i.test(outline) ? MAIN_VERB : /\w+/).exec(outline) ?? [];
  const table = TABLE.exec(outline)?.[1];
  return table ? `${verb.toLowerCase()} ${table}` : verb.toLowerCase();
}

/** The statement without what stands in parentheses, where subqueries, function arguments and the parts of a `with` are. */
function outlineOf(sql: string): string {
  let depth = 0;
  let outline = '';
  for (const part of sql.replace(COMMENTS_AND_STRINGS, ' ').split(/([()])/)) {
    if (part === ')') depth -= 1;
    if (depth === 0) outline += part;
    if (part === '(') depth += 1;
  }
  return outline;
}
