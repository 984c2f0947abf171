import type { ComparedRun, Comparison } from '@imagery/viewer/contract/comparison'
import { wilson } from '@imagery/viewer/contract/wilson'

const run = (run_id: string, model: string): ComparedRun => ({
  run_id,
  profile: 'poles',
  model,
  is_complete: true,
  units: { total: 8, ok: 7, failed: 1, pending: 0 },
  failures: [{ cause: 'schema', units: 1 }],
  cost_usd: 0.008,
  cost_usd_per_unit: 0.001,
  answers_without_usage: 0,
  latency_ms: { mean: 900, median: 800, p95: 2100 },
})

/** Two runs that agree about three of four poles. */
export const COMPARISON: Comparison = {
  a: run('261123-9f3c1a7b', 'gemini-2.5-flash'),
  b: run('261124-1b2c3d4e', 'gemini-2.5-pro'),
  warnings: [],
  units: {
    in_both: 4,
    only_in_a: 4,
    only_in_b: 0,
    answered_by_both: 4,
    answered_only_by_a: 0,
    answered_only_by_b: 0,
    examples: { only_in_a: ['pole-1'], only_in_b: [] },
  },
  columns: [
    {
      column: 'condition',
      kind: 'enum',
      units: 4,
      agreed: 3,
      agreement: wilson(3, 4),
      kappa: 0.5,
      difference: null,
      disagreements: [{ a: 'fair', b: '<b>poor</b>', units: 1, examples: [{ unit_id: 'pole-5', asset_id: 'pole-5' }] }],
      further: { pairs: 0, units: 0 },
    },
  ],
  only_columns: { a: ['height'], b: [] },
  truth: {
    source: 'truth.csv',
    columns: [
      {
        column: 'condition',
        units: 4,
        both_right: 2,
        only_a_right: 0,
        only_b_right: 1,
        both_wrong: 1,
        a: wilson(2, 4),
        b: wilson(3, 4),
        mcnemar: { method: 'exact', statistic: null, p_value: 1 },
      },
    ],
  },
}
