import type { ComparedRun } from '@imagery/viewer/contract/comparison'
import { isFailed, type JudgedRun, type UnitRow } from './run-rows.ts'

/** Counts what a run took, unit by unit. */
export class RunFigures {
  readonly #units = { total: 0, ok: 0, failed: 0, pending: 0 }
  readonly #causes = new Map<string, number>()
  readonly #latencies: number[] = []
  #cost = 0
  #priced = 0
  #withoutUsage = 0

  add(unit: UnitRow): void {
    this.#units.total += 1
    const isPending = unit.status === 'pending'
    this.#units[isPending ? 'pending' : isFailed(unit) ? 'failed' : 'ok'] += 1
    if (isFailed(unit)) {
      const cause = unit.cause ?? 'unknown'
      this.#causes.set(cause, (this.#causes.get(cause) ?? 0) + 1)
    }
    // A carried answer cost this run nothing and took it no time.
    if (isPending || unit.isCarried) return
    if (unit.costUsd !== null) {
      this.#cost += unit.costUsd
      this.#priced += 1
    } else if (!isFailed(unit) || unit.latencyMs !== null) {
      // A failed unit without an attempt has no latency, and no cost.
      this.#withoutUsage += 1
    }
    if (unit.latencyMs !== null && !isFailed(unit)) this.#latencies.push(unit.latencyMs)
  }

  of({ rows, spec, model }: JudgedRun & { model: string | null }): ComparedRun {
    return {
      run_id: rows.runId,
      profile: spec?.profile.name ?? '',
      model: model ?? '',
      is_complete: this.#units.pending === 0,
      units: { ...this.#units },
      failures: [...this.#causes]
        .map(([cause, units]) => ({ cause, units }))
        .toSorted((one, other) => other.units - one.units || (one.cause < other.cause ? -1 : 1)),
      cost_usd: this.#priced === 0 ? null : this.#cost,
      cost_usd_per_unit: this.#priced === 0 ? null : this.#cost / this.#priced,
      answers_without_usage: this.#withoutUsage,
      latency_ms: latencyFigures(this.#latencies),
    }
  }
}

function latencyFigures(latencies: readonly number[]): ComparedRun['latency_ms'] {
  if (latencies.length === 0) return null
  const sorted = Float64Array.from(latencies).toSorted()
  return {
    mean: sorted.reduce((sum, each) => sum + each, 0) / sorted.length,
    median: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
  }
}

/**
 * The quantile of sorted numbers, between the two nearest ones in proportion: definition 7 of R. J. Hyndman and Y. Fan, "Sample
 * quantiles in statistical packages", The American Statistician 50 (1996), 361–365.
 */
export function quantile(sorted: Float64Array | readonly number[], share: number): number {
  const place = (sorted.length - 1) * share
  const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!]
  return below + (place - Math.floor(place)) * (above - below)
}
