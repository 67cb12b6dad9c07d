/** Texts as words of a shell's command line. */

/** In single quotes, as bash and zsh read them. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** For a line to copy: in quotes where a shell would take the text for something else. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : quote(text);
}
