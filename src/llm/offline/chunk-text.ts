const ABOUT_A_TOKEN = /\s?\p{Script=Latin}{1,8}|\s?\p{L}{1,2}|[^\p{L}]{1,4}/gsu;

/** Splits an answer into deltas of about one token each. Joined they give the answer back exactly; no character is cut in two. */
export function chunkText(text: string): string[] {
  return text.match(ABOUT_A_TOKEN) ?? [];
}
