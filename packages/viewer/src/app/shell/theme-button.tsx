import { useState } from 'react'
import { Icon } from '../parts/icon.tsx'
import { applyTheme, savedTheme, saveTheme, type Theme } from './theme.ts'

const NEXT: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' }

/** Changes between the system's colors, light and dark. */
export function ThemeButton() {
  const [theme, setTheme] = useState(savedTheme)
  const change = (): void => {
    const next = NEXT[theme]
    applyTheme(next)
    saveTheme(next)
    setTheme(next)
    window.dispatchEvent(new Event('imagery-theme'))
  }
  const label = `Colors: ${theme}. Change to ${NEXT[theme]}.`
  return (
    <button type="button" className="icon" onClick={change} aria-label={label} title={label}>
      <Icon name={theme === 'system' ? 'contrast' : theme === 'light' ? 'sun' : 'moon'} />
    </button>
  )
}
