import type { Context } from 'hono'
import type { Demand } from '../../kernel/api.ts'
import { need } from '../../kernel/needs.ts'

/** What asking a publisher model, or counting its tokens, needs (https://cloud.google.com/vertex-ai/docs/general/iam-permissions). */
export const PREDICT = {
  needs: (context: Context): readonly Demand[] => {
    const { project = '', location = '', model = '' } = context.req.param() as Record<string, string>
    const id = decodeURIComponent(model.replace(/:[^:]*$/, ''))
    const resource = `projects/${project}/locations/${location}/publishers/google/models/${id}`
    return need('aiplatform.endpoints.predict', resource)
  },
}
