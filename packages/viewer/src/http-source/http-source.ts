import type { Filter } from '../contract/filter.ts'
import { API_PATH, REQUEST_HEADER, type ErrorBody } from '../contract/http.ts'
import type { ExportFormat, ImageSize, ResultsSource } from '../contract/source.ts'
import { SourceError } from '../contract/source-error.ts'

const STOPPED = new SourceError('imagery view does not answer. It may have ended.', [
  'Start imagery view again in the terminal, and open the address that it prints. Saved marks are still there.',
])

/** The server sends on only what is an image, but no browser shows all formats that the models read. */
const UNKNOWN_FORMAT = new SourceError('This browser cannot show an image of this format.', [
  'Download it from Cloud Storage: its address is with the answer.',
])

/** Returns the error that a response describes. */
async function errorOf(response: Response): Promise<SourceError> {
  try {
    const { error } = (await response.json()) as ErrorBody
    return new SourceError(error.message, error.suggestions)
  } catch {
    return new SourceError(`imagery view answered with HTTP ${response.status}.`, ['Reload this page.'])
  }
}

/** Asks the server of `imagery view` ({@link API_PATH}). A request throws a SourceError that says what to do. */
export function httpSource(base = API_PATH): ResultsSource {
  const ask = async <T>(path: string, method = 'GET', body?: unknown): Promise<T> => {
    const response = await fetch(base + path, {
      method,
      credentials: 'same-origin',
      headers: { [REQUEST_HEADER]: '1', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch(() => {
      throw STOPPED
    })
    if (!response.ok) throw await errorOf(response)
    return (await response.json()) as T
  }
  const address = (path: string, query: Record<string, string>): string =>
    `${base}${path}?${new URLSearchParams(query).toString()}`

  return {
    run: () => ask('run'),
    summary: (filter) => ask('summary', 'POST', { filter }),
    page: (page) => ask('page', 'POST', page),
    points: (filter, color) => ask('points', 'POST', { filter, color }),
    unit: (unitId) => ask(`unit?${new URLSearchParams({ id: unitId }).toString()}`),
    imageUrl: (unitId: string, index: number, size: ImageSize) =>
      address('image', { unit: unitId, index: String(index), size }),
    imageFault: async (address) => {
      const response = await fetch(address, { credentials: 'same-origin' }).catch(() => undefined)
      if (!response) return STOPPED
      if (!response.ok) return errorOf(response)
      void response.body?.cancel()
      return UNKNOWN_FORMAT
    },
    marks: () => ask('marks'),
    saveMark: (mark) => ask('marks', 'PUT', mark),
    clearMark: (unitId) => ask(`marks?${new URLSearchParams({ id: unitId }).toString()}`, 'DELETE'),
    reviewProgress: () => ask('review'),
    drawReview: async (plan) => (await ask<{ units: string[] }>('review', 'POST', plan)).units,
    comparison: () => ask('compare'),
    exportUrl: (format: ExportFormat, filter: Filter, columns: string[]) =>
      address('export', { format, filter: JSON.stringify(filter), columns: JSON.stringify(columns) }),
    marksExportUrl: (format) => address('marks/export', { format }),
    onChange: (callback) => {
      const events = new EventSource(`${base}events`)
      events.addEventListener('changed', () => callback())
      return () => events.close()
    },
  }
}
