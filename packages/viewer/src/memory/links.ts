/** Returns the command that prints a unit. */
export function showCommand(runId: string, unitId: string, flags: string): string {
  return `imagery show ${runId} ${shellQuoted(unitId)}${flags}`
}

/**
 * Returns the query for a unit's row. JSON's escapes are GoogleSQL's too
 * (https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#escape_sequences).
 */
export function rowStatement(table: string, unitId: string): string {
  return `SELECT * FROM \`${table}\` WHERE unit_id = ${JSON.stringify(unitId)}`
}

/** Returns the page of an object in Google's console; null for an address that is not of an object. */
export function imageConsoleUrl(gcsUri: string): string | null {
  const [, bucket, object] = /^gs:\/\/([^/]+)\/(.+)$/s.exec(gcsUri) ?? []
  if (bucket === undefined || object === undefined) return null
  const path = object.split('/').map(encodeURIComponent).join('/')
  return `https://console.cloud.google.com/storage/browser/_details/${encodeURIComponent(bucket)}/${path}`
}

function shellQuoted(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
