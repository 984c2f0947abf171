/** The hash of the question that the units were asked. */
export const QUESTION = 'the same question'

/** An image of a unit, and what an attempt found when it looked at it. */
export interface Image {
  id: string
  uri?: string
  version?: string | null
  taken?: string
}

/** An image; without changes, it is the same in every run. */
export const image = (id: string, changes: Partial<Image> = {}): Image => ({
  id,
  uri: `gs://city/${id}.jpg`,
  version: `md5:${id}`,
  taken: '2026-01-02T10:00:00Z',
  ...changes,
})

/** What the ledger of an earlier run has of a unit. */
export interface Answered {
  unit: string
  images: Image[]
  status?: string
  question?: string
  category?: string
  used?: string[]
  more?: Record<string, unknown>
}

let attempts = 0

/** A row of a ledger. Each row is a second newer than the one before. */
export function attemptRow(answered: Answered, runId: string): Record<string, unknown> {
  const { unit, images, status = 'ok', question = QUESTION, category = 'Stop', used, more } = answered
  attempts += 1
  const time = new Date(Date.UTC(2026, 0, 1, 0, 0, attempts)).toISOString()
  return {
    run_id: runId,
    unit_id: unit,
    asset_id: unit,
    bucket: 7,
    attempt_id: `attempt-${attempts}`,
    generation: 3,
    status,
    ...(status === 'ok' ? { category } : {}),
    cost_usd: 0.25,
    prompt_tokens: 100,
    model: 'gemini-3.5-flash-lite',
    observation_ids: used ?? images.map(({ id }) => id),
    gcs_uris: images.map(({ uri }) => uri),
    started_at: time,
    finished_at: time,
    question_hash: question,
    input_images: images.map(({ id, uri, taken, version }) => ({
      observation_id: id,
      gcs_uri: uri,
      ...(taken === undefined ? {} : { capture_time: taken }),
      ...(version ? { version } : {}),
    })),
    ...more,
  }
}

/** A row of a snapshot. */
export function assetRow(unit: string, images: Image[], bucket: number): Record<string, unknown> {
  return {
    unit_id: unit,
    asset_id: unit,
    observations: images.map(({ id, uri, taken }) => ({
      observation_id: id,
      gcs_uri: uri,
      capture_time: taken ?? null,
    })),
    bucket,
  }
}
