const PATHS = {
  sun: 'M12 4V2m0 20v-2m8-8h2M2 12h2m13.7-5.7 1.4-1.4M4.9 19.1l1.4-1.4m0-11.4L4.9 4.9m14.2 14.2-1.4-1.4M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0Z',
  moon: 'M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5Z',
  contrast: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 0v18m3-16.5v15m3-12.5v10',
  close: 'm6 6 12 12M18 6 6 18',
  previous: 'm15 5-7 7 7 7',
  next: 'm9 5 7 7-7 7',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14Zm5 12 4.5 4.5',
  keyboard: 'M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M17 14H7',
  filters: 'M4 6h16M7 12h10m-7 6h4',
  columns: 'M4 5h16v14H4zM10 5v14m5-14v14',
  up: 'm6 14 6-6 6 6',
  down: 'm6 10 6 6 6-6',
  image: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.01',
  zoom: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14Zm5 12 4.5 4.5M11 8v6m-3-3h6',
  link: 'M14 4h6v6m0-6-9 9M18 14v6H4V6h6',
  download: 'M12 4v11m-5-4 5 5 5-5M4 20h16',
  box: 'M4 8V4h4m8 0h4v4m0 8v4h-4m-8 0H4v-4',
  fit: 'M9 4H4v5m11-5h5v5M4 15v5h5m11-5v5h-5',
} as const

export type IconName = keyof typeof PATHS

/** A line drawing beside a label, or in a button that has one for screen readers. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon-image" viewBox="0 0 24 24" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}
