/** Where the template is. */
export const template: string;
/** Makes the template, unless it is there. Jest calls it before all tests. */
export default function prepareEmbedded(): Promise<void>;
