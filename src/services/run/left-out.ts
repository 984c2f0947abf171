import type { EstimateReport, LeftOutReason } from '../../contracts/estimate-report.ts'
import type { SourceCounts } from '../../run-data/source-counts.ts'
import type { ModelChoice } from '../options/model-choice.ts'

/** Says which rows and images a run would not use, and why. */
export function leftOut(counts: SourceCounts, { images }: Pick<ModelChoice, 'images'>): EstimateReport['left_out'] {
  const without = counts.histogram.find((group) => group.images === 0)?.units ?? 0
  const all: [LeftOutReason, number, string][] = [
    ['row_without_asset', counts.rowsWithoutAsset, 'rows have no asset ID'],
    ['row_without_image', counts.rowsWithoutImage, 'rows have no image'],
    ['repeated_observation', counts.repeatedRows, 'rows repeat an observation; the newest snapshot is used'],
    [
      'image_over_limit',
      counts.imagesOverLimit,
      `images are more than the ${images.max_per_unit} that a unit may have (--images-per-unit)`,
    ],
    ['image_address', counts.foreignImages, 'images are not in Cloud Storage; imagery cannot read them'],
    ['unit_without_image', without, 'assets have no image; each gets a failed row that says so'],
  ]
  return all.flatMap(([reason, count, text]) => (count > 0 ? [{ reason, count, text }] : []))
}
