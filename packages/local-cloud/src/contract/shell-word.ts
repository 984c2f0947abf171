/** Returns a text as one POSIX shell word, quoted if needed. For commands that the user can copy. */
export function shellWord(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
