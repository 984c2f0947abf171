import { SourceError } from '../../contract/source-error.ts'

/** What went wrong, what to do, and a button that tries again. */
export function Problem({ error, retry }: { error: Error; retry: () => void }) {
  const suggestions = error instanceof SourceError ? error.suggestions : []
  return (
    <div className="problem" role="alert">
      <p>{error.message}</p>
      {suggestions.map((suggestion) => (
        <p key={suggestion} className="muted">
          {suggestion}
        </p>
      ))}
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  )
}
