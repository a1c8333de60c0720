/** What a probe throws that need not be asked again: it will never say anything else. */
export class Hopeless extends Error {}
