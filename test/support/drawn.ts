/** What lit-html has been given to draw: between each two pieces of the page stands a value. */
export interface Drawn {
  readonly strings: readonly string[];
  readonly values: readonly unknown[];
}

export interface DrawnButton {
  readonly isDisabled: boolean;
  readonly click: () => unknown;
}

/** A button that says so, as it is drawn without a browser: `@click` stands last in it, and `?disabled` before that. */
export function buttonOf({ strings, values }: Drawn, label: string): DrawnButton | undefined {
  const after = strings.findIndex((text) => text.startsWith(`>${label}</button>`));
  if (after > 0) return { isDisabled: values[after - 2] === true, click: values[after - 1] as () => unknown };
  return values
    .filter(isDrawn)
    .map((part) => buttonOf(part, label))
    .find((button) => button !== undefined);
}

function isDrawn(value: unknown): value is Drawn {
  return typeof value === 'object' && value !== null && 'strings' in value;
}
