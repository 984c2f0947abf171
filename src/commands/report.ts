import path from 'node:path'
import { Args, Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import { bytesText } from '../contracts/bytes-text.ts'
import { ImageryError } from '../contracts/errors.ts'
import type { Embedding } from '../services/report/embedded-image.ts'
import type { ReportContext, WrittenReport } from '../services/report/write-report.ts'
import { showSteps } from '../ui/steps.ts'
import { counted, countText } from '../contracts/count-text.ts'

const EMBEDDINGS = ['none', 'thumbnails', 'full'] as const satisfies readonly Embedding[]

export default class Report extends CloudCommand {
  static override summary = "Write a run's results to one web page that you can send"

  static override description =
    'Writes the charts, the gallery, the map, the table and the details of a run into one file, which any browser opens without a network and without an account. Images are read with your own credentials. Everyone who gets the file can read all that is in it: the answers, the columns of your table that the run kept, the prompt, error messages, the names of the source, the project, the tables and the images, and the images that it embeds.'

  static override examples = [
    { description: 'The newest run, with small images', command: '<%= config.bin %> <%= command.id %> --local' },
    {
      description: 'Without images',
      command: '<%= config.bin %> <%= command.id %> 261123-9f --local --embed none -o poles.html',
    },
  ]

  static override args = {
    run_id: Args.string({ description: 'run ID or unique prefix (default: the newest run)' }),
  }

  static override flags = {
    'output-file': Flags.string({
      summary: "the file, which ends in .html (default: the run's ID with .html); replaced if it exists",
      char: 'o',
      helpValue: 'FILE',
    }),
    embed: Flags.option({
      options: EMBEDDINGS,
      summary: 'images in the file: none, thumbnails of at most 320 pixels, or the full images with their metadata',
      default: 'thumbnails' as const,
    })(),
    'max-images': Flags.integer({
      summary: "the most images in the file, each asset's first one first (default: 1000 thumbnails, 50 full images)",
      min: 1,
      helpValue: 'N',
    }),
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Report)
    const { embed, 'max-images': mostImages, 'output-file': file } = flags
    if (embed === 'none' && mostImages !== undefined)
      throw new ImageryError('INVALID_FLAG', '--max-images works only with images, not with --embed none', {
        suggestions: ['Run the same command without --max-images'],
      })
    const { checkReportFile, closeReport, reportSteps } = await import('../services/report/write-report.ts')
    checkReportFile(file)
    const { signal } = this
    const { target, store } = await this.session(flags)
    const context: ReportContext = {}
    const steps = reportSteps({
      target,
      store,
      run: args.run_id,
      file,
      embedding: embed,
      mostImages,
      viewerFolder: path.join(this.config.root, 'dist', 'viewer'),
      cacheFolder: this.config.cacheDir,
      signal,
    })
    try {
      await showSteps(steps, context, this.progress, signal)
    } finally {
      await closeReport(context)
    }
    const written = context.written!
    this.#warn(written)
    this.log(summaryOf(written, embed))
    const { runId: run_id, bytes, rows, images } = written
    return { run_id, file: written.file, bytes, rows, embed, images }
  }

  #warn({ runId, images: { missing, denied, unreadable, left_out: leftOut }, isPartial }: WrittenReport): void {
    if (isPartial) this.warn(`run ${runId} is not complete: the report has its rows so far`)
    if (missing > 0)
      this.warn(`${counted(missing, 'image is', 'images are')} not there any more, so the report is without`)
    if (denied > 0)
      this.warn(
        `you may not read ${countText(denied)} of the images, so the report is without; the owner of their bucket can grant you roles/storage.objectViewer`,
      )
    if (unreadable > 0)
      this.warn(`${counted(unreadable, 'image is', 'images are')} not readable, so the report is without`)
    if (leftOut > 0)
      this.warn(
        `${counted(leftOut, 'more image is', 'more images are')} not in the report, because of the limit; --max-images sets another one`,
      )
  }
}

/** Says what leaves the machine with the file. */
function summaryOf({ file, bytes, rows, images }: WrittenReport, embed: Embedding): string {
  const what = embed === 'full' ? 'full image' : 'thumbnail'
  const shown = images.embedded === 0 ? 'no images' : counted(images.embedded, what)
  return `Wrote ${file}: ${counted(rows, 'row')} and ${shown}, ${bytesText(bytes)}
Everyone who gets this file can read the answers, the prompt, and the names of the source, the project and the images in it${images.embedded === 0 ? '' : ', and see the images'}.`
}
