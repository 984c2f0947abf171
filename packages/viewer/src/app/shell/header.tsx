import { useEffect, useRef } from 'react'
import { useShared } from '../data/source-context.ts'
import { counted } from '../format/numbers.ts'
import { Icon } from '../parts/icon.tsx'
import type { ChangeView } from '../state/use-view-state.ts'
import { formatState, parseState, SCREENS, type Screen } from '../state/view-state.ts'
import { ThemeButton } from './theme-button.tsx'

const NAMES: Record<Screen, string> = {
  overview: 'Overview',
  gallery: 'Gallery',
  map: 'Map',
  table: 'Table',
  review: 'Review',
  compare: 'Compare',
}

interface Props {
  screen: Screen
  change: ChangeView
  hasComparison: boolean
  openHelp: () => void
}

/** The run, and the way to each screen. */
export function Header({ screen, change, hasComparison, openHelp }: Props) {
  const { run } = useShared()
  const links = useRef<HTMLElement>(null)
  // On a phone, the links do not all fit.
  useEffect(() => {
    links.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [screen, hasComparison])
  const isThere: Record<Screen, boolean> = {
    overview: true,
    gallery: run.has_images,
    map: run.bounds !== null,
    table: true,
    review: run.can_review,
    compare: hasComparison,
  }
  return (
    <header className="header">
      <div className="run-name">
        <span className="brand">imagery</span>
        <h1>
          <bdi>{run.run_id}</bdi>
        </h1>
        <span className={`state ${run.is_live ? 'live' : ''}`} title={counted(run.units.total, 'asset')}>
          {run.state}
        </span>
      </div>
      <nav ref={links} aria-label="Screens">
        {SCREENS.filter((each) => isThere[each] || each === screen).map((each) => (
          <a
            key={each}
            href={formatState({ ...parseState(window.location.hash), screen: each, unit: null, at: null })}
            aria-current={each === screen ? 'page' : undefined}
            onClick={(event) => {
              if (event.ctrlKey || event.metaKey || event.shiftKey) return
              event.preventDefault()
              change({ screen: each, unit: null, at: null })
            }}
          >
            {NAMES[each]}
          </a>
        ))}
      </nav>
      <div className="header-tools">
        <button type="button" className="icon" onClick={openHelp} aria-label="Keyboard help" title="Keyboard help (?)">
          <Icon name="keyboard" />
        </button>
        <ThemeButton />
      </div>
    </header>
  )
}
