import type { Proportion } from '../../contract/wilson.ts'
import { percentOf } from '../format/numbers.ts'

/** A share on a line from 0 to 100 %, with the band of its interval. */
export function Interval({ proportion: { estimate, low, high } }: { proportion: Proportion }) {
  return (
    <>
      <span className="interval" aria-hidden="true">
        <span className="interval-band" style={{ left: `${low * 100}%`, right: `${(1 - high) * 100}%` }} />
        <span className="interval-estimate" style={{ left: `${estimate * 100}%` }} />
      </span>
      <span className="interval-text">
        {percentOf(low)} – {percentOf(high)}
      </span>
    </>
  )
}
