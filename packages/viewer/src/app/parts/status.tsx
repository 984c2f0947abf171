/** A unit's status, in a word and a color. */
export function Status({ status }: { status: string }) {
  return <span className={`status status-${/^[a-z]+$/.test(status) ? status : 'other'}`}>{status}</span>
}
