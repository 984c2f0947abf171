import type { Unit } from '../src/contracts/model-options.ts'
import { findProfile } from '../src/profiles/built-in-profiles.ts'
import type { SourceCounts } from '../src/run-data/source-counts.ts'
import { sourceRowsQuery, unitGroupsQuery } from '../src/run-data/sql/estimate.ts'
import { snapshotParameters, type SnapshotSource } from '../src/run-data/sql/snapshot.ts'
import { chooseModel } from '../src/services/options/model-choice.ts'
import { aiGenerateAdvice } from '../src/services/run/ai-generate.ts'
import { SOURCES, snapshotSource, type Statement } from './check-sql-statements.ts'

/** The statements of an estimate over each source, with the one that it advises if BigQuery alone would do the job. */
export function estimateStatements(): Statement[] {
  return SOURCES.flatMap((kind, turn) =>
    (['asset', 'observation'] as Unit[]).flatMap((unit): Statement[] => {
      // Everything is read, and the condition has each of its forms.
      const given = snapshotSource(kind, unit, 'latest', (bit) => bit !== 0, turn)
      return [
        {
          name: `unit groups of ${kind.path} by ${unit}`,
          sql: unitGroupsQuery(given),
          parameters: snapshotParameters(given),
          // The order of its groups is BigQuery's choice, so the rows are not compared.
          isOnlyAnalyzed: true,
        },
        { name: `rows of ${kind.path} by ${unit}`, sql: sourceRowsQuery(given) },
        ...(unit === 'asset' ? [{ name: `AI.GENERATE over ${kind.path}`, sql: advisedStatement(given) }] : []),
      ]
    }),
  )
}

/**
 * The advised statement without its model call: Google's analyzer has no AI.GENERATE, so an answer that is missing, with
 * the columns of the call's `output_schema`, stands in its place. The rest of the statement is checked as it is.
 */
function advisedStatement(snapshot: SnapshotSource): string {
  const signs = findProfile('road-signs')
  const { gemini } = chooseModel(signs, {})
  const counts: SourceCounts = {
    units: 1,
    images: 1,
    histogram: [{ images: 1, units: 1 }],
    imagesOverLimit: 0,
    foreignImages: 0,
    rows: 1,
    rowsWithoutAsset: 0,
    rowsWithoutImage: 0,
    repeatedRows: 0,
    samples: [],
  }
  const source = { ...snapshot, sample: null }
  const advice = aiGenerateAdvice({ profile: signs, gemini }, { snapshot: source, counts, isTable: true })
  if (!advice.isBetter) throw new Error(`not advised: ${advice.reasons.join('. ')}`)
  const call = /AI\.GENERATE\([\s\S]*?output_schema => '([^']*)'\s*\) AS answer/
  if (!call.test(advice.statement)) throw new Error('the advised statement has no call')
  return advice.statement.replace(call, 'CAST(NULL AS STRUCT<$1, full_response STRING>) AS answer')
}
