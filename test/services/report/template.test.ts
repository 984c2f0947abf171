import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { reportTemplate } from '../../../src/services/report/template.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-template-'))
})

afterAll(() => rm(folder, { recursive: true }))

test('an installation without the app says what is missing, and how to install it again', async () => {
  await expect(reportTemplate(folder, 'report')).rejects.toMatchObject({
    code: 'FILE_NOT_FOUND',
    message: `This installation of imagery is not complete: there is no ${path.join(folder, 'report.html')}`,
    suggestions: [expect.stringContaining('npm install'), expect.stringContaining('npm run build')],
  })
  await writeFile(path.join(folder, 'report.html'), '<html><head></head></html>')
  await expect(reportTemplate(folder, 'report')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
})

test('the data goes in the place of the mark, below a policy that names the scripts of the page and no others', async () => {
  const script = 'const mark = "<title>x</title>"; run($&)'
  const page = `<html><head><title>old</title><script type="module">${script}</script></head><body><!--imagery report--></body></html>`
  await writeFile(path.join(folder, 'report.html'), page)
  const { before, after } = await reportTemplate(folder, 'imagery <b>"report" $& </title>')
  expect(after).toBe('</body></html>')
  expect(before).toContain('<title>imagery &lt;b&gt;&quot;report&quot; $&amp; &lt;/title&gt;</title>')
  expect(before).toContain(`<script type="module">${script}</script>`)
  const hash = createHash('sha256').update(script).digest('base64')
  const policy = /<head>\s*<meta http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(before)?.[1]
  expect(policy?.split('; ')).toEqual(expect.arrayContaining(["default-src 'none'", `script-src 'sha256-${hash}'`]))
  expect(policy).not.toMatch(/https?:|\*|'self'|unsafe-eval/)
})
