/** A text as one word of a POSIX shell, quoted when it has to be: for commands that are shown to be typed. */
export function shellWord(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
