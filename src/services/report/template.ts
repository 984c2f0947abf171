import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { REPORT_MARK } from '@imagery/viewer/contract/report'
import { ImageryError } from '../../contracts/errors.ts'

/** The page of a report, on both sides of its data. */
export interface Template {
  before: string
  after: string
}

/**
 * Reads the app of a report, gives it a title, and a policy by which it can load nothing.
 *
 * @param folder where the build puts the viewer
 * @throws ImageryError FILE_NOT_FOUND if this installation does not have it
 */
export async function reportTemplate(folder: string, title: string): Promise<Template> {
  const file = path.join(folder, 'report.html')
  const page = await readFile(file, 'utf8').catch((error: unknown) => {
    throw incomplete(`there is no ${file}`, error)
  })
  const mark = page.lastIndexOf(REPORT_MARK)
  if (mark < 0) throw incomplete(`${file} is not the page of a report`)
  const named = page
    .slice(0, mark)
    .replace(/<title>[^<]*<\/title>/, () => `<title>${escaped(title)}</title>`)
    .replace(
      /<head>/,
      (head) => `${head}\n    <meta http-equiv="Content-Security-Policy" content="${policyFor(page)}" />`,
    )
  return { before: named, after: page.slice(mark + REPORT_MARK.length) }
}

function incomplete(what: string, cause?: unknown): ImageryError {
  return new ImageryError('FILE_NOT_FOUND', `This installation of imagery is not complete: ${what}`, {
    suggestions: [
      'npm install --global imagery   (installs it again)',
      'npm run build   (in a clone of its repository)',
    ],
    cause,
  })
}

/**
 * Only the scripts of the page itself run, and no request leaves it: images are in it, and the code of the map's worker is a
 * blob of it, which the map fetches and runs as a data: URL. React and the map set styles on elements.
 */
function policyFor(page: string): string {
  const scripts = [...page.matchAll(/<script\b[^>]*>([\s\S]*?)<\/script>/g)].map(([, code = '']) => hashOf(code))
  return [
    "default-src 'none'",
    `script-src ${scripts.join(' ')}`,
    "style-src 'unsafe-inline'",
    'img-src data: blob:',
    'font-src data:',
    'connect-src blob:',
    'worker-src blob: data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
}

function hashOf(code: string): string {
  return `'sha256-${createHash('sha256').update(code).digest('base64')}'`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function escaped(text: string): string {
  return text.replaceAll(/[&<>"]/g, (each) => ENTITIES[each]!)
}
