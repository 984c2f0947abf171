/** Joins words to lines of at most `width`. Words are not broken: a longer one has its own line. */
export function linesOf(words: readonly string[], width: number, separator = ' '): string[] {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last === undefined || (last !== '' && last.length + separator.length + word.length > width)) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last}${separator}${word}`
  }
  return lines
}

/** Breaks text at spaces, and at its own line breaks. */
export function wrapped(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => linesOf(line.split(' '), width))
}
