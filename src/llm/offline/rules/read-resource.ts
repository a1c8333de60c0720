/** What the rules make sense of in the data of a resource, and the field that each of it was read from. */
export interface ResourceFacts {
  /** In percent. */
  readonly cpu: Fact | undefined;
  /** In percent. */
  readonly memory: Fact | undefined;
  readonly idleDays: Fact | undefined;
  /** Per month, in whatever currency the resource names. */
  readonly monthlyCost: Fact | undefined;
  readonly state: { readonly field: string; readonly value: string } | undefined;
}

export interface Fact {
  readonly field: string;
  readonly value: number;
}

interface Field {
  readonly name: string;
  readonly value: unknown;
}

const DEEPEST = 3;
const IN_USE = /use|usage|utili[sz]|percent|pct|avg|average|load/;
const CPU = /cpu|processor/;
const MEMORY = /(?:^|[._])(?:mem(?:ory)?|ram)(?![a-z])/;
/** Amounts, and bounds that somebody has set: nothing that says how much of it is used. */
const NO_SHARE = /(?:^|[._])(?:[kmgt]i?b|bytes|seconds|secs?|ms|hours|cores|millicores|count|limit|requests?|reserved|threshold)(?:[._]|$)/;
const COST = /(?:cost|price|spend|charge)(?!_(?:cent|code))/;
const STATE = /(?:^|[._])(?:state|status)$/;
const IDLE_DAYS = /(?:idle|unused|inactive).*days?|days?_?(?:idle|unused|inactive|since)/;
const PERCENT = /percent|pct/;
/** How many of a span of time make a month, by what the name of a cost says; without any it is taken as monthly. */
const PER_MONTH: readonly (readonly [span: RegExp, times: number])[] = [
  [/month/, 1],
  [/hour/, 730],
  [/week/, 52 / 12],
  [/da(?:y|ily)/, 365 / 12],
  [/year|annual/, 1 / 12],
];

/** Reads fields of any depth up to three by their names: use of CPU and memory, days idle, cost, state. */
export function readResource(resource: Readonly<Record<string, unknown>>): ResourceFacts {
  const fields = flatten(resource, '', DEEPEST);
  const state = fields.find(({ name, value }) => STATE.test(name) && typeof value === 'string');
  return {
    cpu: shareOf(fields, CPU),
    memory: shareOf(fields, MEMORY),
    idleDays: numberOf(fields, (name) => IDLE_DAYS.test(name)),
    monthlyCost: monthlyCostOf(fields),
    state: state && { field: state.name, value: String(state.value).toLowerCase() },
  };
}

function flatten(value: object, prefix: string, depth: number): Field[] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    const name = `${prefix}${toSnakeCase(key)}`;
    const isDeep = typeof inner === 'object' && inner !== null && !Array.isArray(inner) && depth > 1;
    return isDeep ? flatten(inner, `${name}.`, depth - 1) : [{ name, value: inner }];
  });
}

function toSnakeCase(key: string): string {
  return key.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toLowerCase();
}

/** A share up to 1 is one of 1, unless its name says that it is in percent. */
function shareOf(fields: readonly Field[], what: RegExp): Fact | undefined {
  const fact = numberOf(fields, (name) => what.test(name) && IN_USE.test(name) && !NO_SHARE.test(name));
  if (!fact || fact.value > 100) return undefined;
  const isShare = fact.value <= 1 && !PERCENT.test(fact.field);
  return { field: fact.field, value: isShare ? Math.round(fact.value * 10_000) / 100 : fact.value };
}

function monthlyCostOf(fields: readonly Field[]): Fact | undefined {
  const monthly = numberOf(fields, (name) => COST.test(name) && name.includes('month'));
  const fact = monthly ?? numberOf(fields, (name) => COST.test(name));
  const times = PER_MONTH.find(([span]) => span.test(fact?.field ?? ''))?.[1] ?? 1;
  return fact && { ...fact, value: fact.value * times };
}

function numberOf(fields: readonly Field[], isMeant: (name: string) => boolean): Fact | undefined {
  for (const { name, value } of fields) {
    if (typeof value === 'number' && value >= 0 && isMeant(name)) return { field: name, value };
  }
  return undefined;
}
