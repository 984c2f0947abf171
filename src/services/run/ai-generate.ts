import { answerColumns } from '../../contracts/answer-schema.ts'
import type { GeminiOptions, Profile } from '../../contracts/run-spec.ts'
import type { SourceCounts } from '../../run-data/source-counts.ts'
import { snapshotColumns, type SnapshotSource } from '../../run-data/sql/snapshot.ts'

/** The pages that the statement follows. */
export const AI_GENERATE_SOURCES = [
  'https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/bigqueryml-syntax-ai-generate',
  'https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/objectref_functions',
]

/** Whether BigQuery alone would do the job. */
export type AiGenerateAdvice =
  | { isBetter: true; statement: string }
  /** Sentences about the run. */
  | { isBetter: false; reasons: string[] }

/**
 * Says whether one statement with BigQuery's AI.GENERATE would do the job of a run: one image per unit, in a table of
 * BigQuery, with one value per column. A run adds what such a statement does not have: retries, a cap, and a ledger.
 */
export function aiGenerateAdvice(
  { profile, gemini }: { profile: Profile; gemini: GeminiOptions | null },
  { snapshot, counts, isTable }: { snapshot: SnapshotSource; counts: SourceCounts; isTable: boolean },
): AiGenerateAdvice {
  const columns = answerColumns(profile.output)
  const reasons = [
    ...(snapshot.sample === null ? [] : ['The run takes a sample of the assets']),
    ...(gemini === null ? ['The pixels model measures images; no Gemini model is called'] : []),
    ...(isTable ? [] : ['The table is a local file, not a table in BigQuery']),
    ...(counts.histogram.some(({ images }) => images > 1) ? ['Some units have several images'] : []),
    ...(counts.repeatedRows > 0 ? ['Observations are in the table more than once'] : []),
    ...(counts.foreignImages > 0 ? ['Some images are not in Cloud Storage'] : []),
    ...(columns.every(({ mode, columns: members }) => mode !== 'REPEATED' && members === undefined)
      ? []
      : ['The answer has lists or nested values']),
    ...(gemini !== null && gemini.endpoint !== null ? ['A proxy answers instead of Vertex AI'] : []),
    ...(gemini?.tier === 'flex' ? ['The flex tier costs half, and AI.GENERATE does not offer it'] : []),
  ]
  if (gemini === null || reasons.length > 0) return { isBetter: false, reasons }
  const { asset, image, from } = snapshotColumns(snapshot)
  const schema = columns.map(({ name, type }) => `${name} ${type}`).join(', ')
  const and = snapshot.where === null ? '\nWHERE' : '\nAND'
  return {
    isBetter: true,
    statement: `SELECT asset_id, gcs_uri, answer.* EXCEPT (full_response)
FROM (
SELECT
  ${asset} AS asset_id,
  ${image} AS gcs_uri,
  AI.GENERATE(
    (${JSON.stringify(profile.prompt ?? '')}, OBJ.MAKE_REF(${image}, 'LOCATION.CONNECTION')),
    connection_id => 'LOCATION.CONNECTION',
    endpoint => '${gemini.model}',
    output_schema => '${schema}'
  ) AS answer
FROM ${from}${and} ${image} IS NOT NULL${snapshot.limit === null ? '' : `\nLIMIT ${snapshot.limit}`}
)`,
  }
}
