/**
 * The HTTP interface between the app and `imagery view`. JSON both ways; every request needs the session's cookie, and a
 * request that changes something also the header.
 *
 * | method and path | body | answer |
 * |---|---|---|
 * | GET `run` | | ViewedRun |
 * | POST `summary` | { filter } | Summary |
 * | POST `page` | PageRequest | Page |
 * | POST `points` | { filter, color } | Points |
 * | GET `unit?id=` | | UnitDetail |
 * | GET `image?unit=&index=&size=` | | image bytes |
 * | GET `marks` | | Mark[] |
 * | PUT `marks` | Mark | ReviewProgress |
 * | DELETE `marks?id=` | | ReviewProgress |
 * | GET `review` | | ReviewProgress |
 * | POST `review` | ReviewPlan | { units: string[] } |
 * | GET `export?format=csv&filter=JSON&columns=JSON` | | a file: csv or jsonl |
 * | GET `marks/export?format=csv` | | a file: csv or jsonl |
 * | GET `compare` | | Comparison, or null without a second run |
 * | GET `events` | | server-sent events: `changed` when rows changed |
 *
 * An error is `{ error: { code, message, suggestions } }`.
 */
export const API_PATH = '/api/'

/** A header that a page of another origin cannot send without the server's consent. */
export const REQUEST_HEADER = 'x-imagery-view'

export interface ErrorBody {
  error: { code: string; message: string; suggestions: string[] }
}
