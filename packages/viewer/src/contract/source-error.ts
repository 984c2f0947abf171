/** A request to a source failed. `suggestions` say what to do next, a sentence or command each. */
export class SourceError extends Error {
  override readonly name = 'SourceError'
  readonly suggestions: readonly string[]

  constructor(message: string, suggestions: readonly string[]) {
    super(message)
    this.suggestions = suggestions
  }
}
