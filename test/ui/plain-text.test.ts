import { describe, expect, test, vi } from 'vitest'
import type { RunReport } from '../../src/contracts/run-report.ts'
import { formatChecks } from '../../src/ui/checks.ts'
import { formatFailure } from '../../src/ui/failure.ts'
import { plainJson, plainLine, plainText } from '../../src/ui/plain-text.ts'
import { formatPlan } from '../../src/ui/plan.ts'
import { formatReport } from '../../src/ui/report.ts'
import { showNote, showSteps } from '../../src/ui/steps.ts'
import { formatTable } from '../../src/ui/table.ts'

/** Control characters that a terminal would interpret, except line breaks. */
// eslint-disable-next-line no-control-regex -- the test looks for control characters
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

const EVIL: Record<string, string> = {
  'clears the screen': '\u001b[2J\u001b[H',
  'hides what follows': '\u001b[8m',
  'sets the title': '\u001b]0;title\u0007',
  'makes a link': '\u001b]8;;https://evil.example\u001b\\here\u001b]8;;\u001b\\',
  'writes the clipboard': '\u001b]52;c;ZXZpbA==\u0007',
  'begins and never ends': '\u001b]0;never ended',
  'asks the terminal': '\u001bP$q"p\u001b\\\u001b[6n',
  'is C1': '\u009b2J\u009d0;title\u009c\u0085',
  'overwrites its line': 'good\rbad',
  'deletes before it': 'good\b\b\b\bbad\u007f',
  'rings and ends': '\u0007\u0000\u0004',
  'turns the direction': 'a\u202egpj.exe\u202c \u2066x\u2069 \u200f\u061c',
  'breaks lines unseen': 'a\u2028b\u2029c',
}

describe.each(Object.entries(EVIL))('data that %s', (_, evil) => {
  const data = `before ${evil} after`
  const report: RunReport = {
    run_id: '261123-9f3c1a7b',
    state: 'complete',
    profile: data,
    source: data,
    units: { total: 1, ok: 0, failed: 1, pending: 0 },
    causes: { unreadable_image: 1 },
    failures: [{ unit_id: data, asset_id: data, cause: 'unreadable_image', error_message: data }],
    cost_usd: 0,
    attempts_table: data,
    results_table: data,
    started_at: '2026-11-23T10:00:00.000Z',
    finished_at: '2026-11-23T10:00:01.000Z',
  }

  test.each<[string, () => string]>([
    ['text', () => plainText(data)],
    ['a line', () => plainLine(data)],
    ['a table', () => formatTable([data], [[data], [{ a: data }], [[data]]], 200)],
    ['a failure', () => formatFailure({ code: 'BUG', message: data, suggestions: [data], stack: data })],
    ['a report', () => formatReport(report, { flags: ` --data-dir '${data}'`, width: 80 })],
    ['checks', () => formatChecks([{ title: data, status: 'ok', detail: data, fixes: [data] }], 80)],
    ['a plan', () => formatPlan([{ title: data, changes: [{ action: 'create', resource: data, fields: [data] }] }])],
  ])('is harmless in %s', (_name, shown) => {
    const text = shown()
    expect(text).not.toMatch(OBEYED)
    expect(text).toContain('before')
    expect(text).toContain('after')
  })

  test('is exact and harmless in JSON', () => {
    const json = plainJson(JSON.stringify({ [data]: [data] }))
    expect(json).not.toMatch(OBEYED)
    expect(JSON.parse(json)).toEqual({ [data]: [data] })
  })

  test('is harmless in progress', async () => {
    const written: string[] = []
    const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      written.push(String(text))
      return true
    })
    const now = vi.spyOn(performance, 'now')
    try {
      const step = (outcome: object) => ({
        title: `title ${data}`,
        run: async (_context: object, reporter: { detail(text: string): void }) => {
          now.mockReturnValue(1e9)
          reporter.detail(`detail ${data}`)
          return outcome as { done: string }
        },
      })
      showNote(`note ${data}`, 'lines')
      await showSteps([step({ done: data }), step({ skipped: data })], {}, 'lines')
    } finally {
      write.mockRestore()
      now.mockRestore()
    }
    const text = written.join('')
    expect(text).toMatch(/note before[^]*title before[^]*detail before[^]*title before[^]*after: before/)
    expect(text).not.toMatch(OBEYED)
  })
})

test('text of all scripts, with line breaks, tabs and joined emoji, is unchanged', () => {
  const text = 'Straße\n\tשלום, مرحبا, 日本 👩‍👩‍👧 ﻿é'
  expect(plainText(text)).toBe(text)
  expect(plainText('Windows\r\nlines\r\n')).toBe('Windows\nlines\n')
})
