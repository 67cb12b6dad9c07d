/**
 * The ends of lines of a value that is edited: a text area has line feeds alone, whatever
 * it was given (HTML Standard, the API value of a textarea). Pure.
 */

/** As a text area has it. */
export function withLineFeeds(text: string): string {
  return text.replace(/\r\n?/g, "\n");
}

/** `typed`, out of a text area that showed `before`: lines end as they did, where they did alike. */
export function withEndsOf(before: string, typed: string): string {
  return before.includes("\r\n") && !hasOtherEnds(before) ? typed.replaceAll("\n", "\r\n") : typed;
}

/** Whether a text area would change more than what is typed. */
export function hasMixedEnds(text: string): boolean {
  return text.includes("\r") && hasOtherEnds(text);
}

/** Ends but those of both characters. */
function hasOtherEnds(text: string): boolean {
  return /(?<!\r)\n|\r(?!\n)/.test(text);
}
