import { ImageryError } from '../../contracts/errors.ts'
import { parseGsUri } from '../../contracts/gs-uri.ts'
import type { PipelineStep } from '../../contracts/steps.ts'
import { imageAddresses } from '../../run-data/image-addresses.ts'
import type { RecordedContext, RunContext } from './context.ts'
import { counted, countText } from '../../contracts/count-text.ts'

/**
 * Warns of images at addresses that imagery does not read, before any model is called. Their rows fail with the same
 * reason, and the other images of their assets are still used.
 *
 * @throws ImageryError SOURCE_UNSUPPORTED when no image of the run is at an address that can be read
 */
export const checkAddresses: PipelineStep<RunContext & RecordedContext, object> = {
  title: 'Check the addresses of the images',
  async run({ spec, warnings, options, target, source }) {
    const canFetch = target.kind === 'local' && source.kind !== 'table'
    const kinds = await imageAddresses({ tables: spec.tables, location: spec.source.location })
    const total = kinds.reduce((sum, { images }) => sum + images, 0)
    const foreign = kinds.filter(({ scheme }) => scheme !== 'gs')
    const unread = foreign.reduce((sum, { images }) => sum + images, 0)
    const texts = foreign.map(({ images, example }) => {
      const parsed = parseGsUri(example)
      return `${countText(images)} of ${counted(total, 'image')} cannot be read: ${example} ${'fault' in parsed ? parsed.fault : 'is not a gs:// URI'}`
    })
    if (unread > 0 && unread === total) {
      throw new ImageryError('SOURCE_UNSUPPORTED', `${texts.join('. ')}. No model was called`, {
        suggestions: [
          ...(foreign.some(({ scheme }) => scheme === 'https') && canFetch
            ? [`imagery run${target.flags} --table ${options.table} --fetch-images …`]
            : []),
          'gcloud storage cp FOLDER/* gs://BUCKET/   (after a download), then use the gs:// URIs',
          `imagery run --table ${options.table} --image-column COLUMN …   (if another column has the images)`,
        ],
      })
    }
    warnings.push(...texts)
    return { done: counted(total - unread, 'image'), adds: {} }
  },
}
