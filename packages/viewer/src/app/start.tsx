import { createRoot } from 'react-dom/client'
import type { ResultsSource } from '../contract/source.ts'
import { App } from './shell/app.tsx'
import { applyTheme, savedTheme } from './shell/theme.ts'
import './styles/index.css'

/** Shows the app on the page. */
export function start(source: ResultsSource): void {
  applyTheme(savedTheme())
  const root = document.getElementById('root')
  if (root === null) throw new Error('the page has no element #root')
  createRoot(root).render(<App source={source} />)
}
