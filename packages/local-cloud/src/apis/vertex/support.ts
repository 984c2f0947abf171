import type { SupportEntry } from '../../kernel/support.ts'

/** How much of Vertex AI is emulated (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference). */
export const SUPPORT: readonly SupportEntry[] = [
  {
    method: 'aiplatform.publishers.models.generateContent',
    state: 'partly',
    note: 'v1 and v1beta1. Text and images (gs:// and inline), system instruction, generation config, thinking, safety settings, labels, Flex PayGo. Answers are recorded, scripted or forwarded, as `--gemini` says.',
  },
  {
    method: 'aiplatform.publishers.models.countTokens',
    state: 'partly',
    note: 'Four characters per token, plus the documented tokens per image; the real count if calls are forwarded.',
  },
  {
    method: 'request check',
    state: 'partly',
    note: 'Unknown fields, types, enums, roles, MIME types, sizes, ranges, answer schemas and models are checked as documented. Vertex AI does not document its deepest schema; the limit is 16 levels here. JSON Schema keywords that Vertex AI does not list are refused. Images are read as Vertex AI’s service agent, which the first request for one creates. A bucket that is not in the local Storage counts as someone else’s and readable.',
  },
  {
    method: 'models',
    state: 'partly',
    note: 'The Gemini 2.5 and 3 models by id. No tuned models, endpoints, other publishers, or restriction of older models to older projects.',
  },
  {
    method: 'replay',
    state: 'partly',
    note: 'Answers requests with one image in Cloud Storage, for any prompt; the recorded model can differ from the requested one.',
  },
  {
    method: 'streamGenerateContent, predict, rawPredict, batch prediction, live API',
    state: 'no',
    note: '',
  },
  {
    method: 'tools, function calls, code execution, grounding, context caching, Model Armor, routing',
    state: 'no',
    note: '',
  },
  {
    method: 'audio, video, PDF and text files, images from the web',
    state: 'no',
    note: '',
  },
  {
    method: 'answers that are not text, several candidates, log probabilities',
    state: 'no',
    note: '',
  },
  {
    method: 'Provisioned Throughput, Priority PayGo, dynamic shared quota',
    state: 'no',
    note: 'A script’s `concurrency`, `rate` and shares of 429 replace them.',
  },
]
