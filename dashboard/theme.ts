import { setAttributes, svg } from './dom.ts'

const KEY = 'hasql-theme'
const MARKS = {
  light:
    'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2m0 16v2M2 12h2m16 0h2M5 5l1.5 1.5m11 11L19 19M5 19l1.5-1.5m11-11L19 5',
  dark: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z',
}

type Theme = keyof typeof MARKS

/** The system's theme until the other one is asked for; remembered where the browser allows it. */
export function setUpTheme(button: HTMLElement): void {
  const system = matchMedia('(prefers-color-scheme: dark)')
  let chosen = read()
  const show = (): void => {
    const theme = chosen ?? (system.matches ? 'dark' : 'light')
    const other: Theme = theme === 'dark' ? 'light' : 'dark'
    if (chosen !== undefined) document.documentElement.setAttribute('data-theme', chosen)
    setAttributes(button, { 'aria-label': `Switch to ${other} colours`, title: `Switch to ${other} colours` })
    button.replaceChildren(
      svg('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('path', { d: MARKS[other] })),
    )
  }
  system.addEventListener('change', show)
  button.addEventListener('click', () => {
    const theme = chosen ?? (system.matches ? 'dark' : 'light')
    chosen = theme === 'dark' ? 'light' : 'dark'
    write(chosen)
    show()
  })
  show()
}

function read(): Theme | undefined {
  try {
    const kept = localStorage.getItem(KEY)
    return kept === 'dark' || kept === 'light' ? kept : undefined
  } catch {
    return undefined
  }
}

function write(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme)
  } catch {
    // Forbidden here: it holds until the page is left.
  }
}
