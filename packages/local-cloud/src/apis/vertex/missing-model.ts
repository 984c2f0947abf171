import { GoogleError } from '../../kernel/errors.ts'
import type { GeminiBehavior } from './behavior.ts'

/** Refuses every call and names the ways to get answers: the default neither invents answers nor spends money. */
export const missingModel: GeminiBehavior = {
  async generate({ request }) {
    throw new GoogleError(
      'PERMISSION_DENIED',
      `The local cloud has no Gemini. Start it with --gemini replay:FILE (recorded answers), --gemini script:FILE (a scripted model) or --gemini forward (the real Vertex AI, with your credentials and at your cost).`,
      {
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
            reason: 'SERVICE_DISABLED',
            domain: 'googleapis.com',
            metadata: { service: 'aiplatform.googleapis.com', consumer: `projects/${request.project}` },
          },
        ],
      },
    )
  },
  stop: () => undefined,
}
