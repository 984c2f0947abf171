import type { SupportEntry } from '../../kernel/support.ts'

/** What is there of Vertex AI (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference). */
export const vertexSupport: readonly SupportEntry[] = [
  {
    method: 'aiplatform.publishers.models.generateContent',
    state: 'partly',
    note: 'v1 and v1beta1. Text and images (gs:// and inline), system instruction, generation config, thinking, safety settings, labels, Flex PayGo. Recorded, scripted or forwarded answers, as `--gemini` says.',
  },
  {
    method: 'aiplatform.publishers.models.countTokens',
    state: 'partly',
    note: 'Four characters a token, and the documented tokens per image; the real count when calls are forwarded.',
  },
  {
    method: 'request check',
    state: 'partly',
    note: 'Unknown fields, types, enums, roles, MIME types, sizes, ranges, answer schemas and models are checked as documented. The deepest schema that Vertex AI takes is not published: 16 levels here. Keywords of JSON Schema that Vertex AI does not list are refused. A bucket that the local Storage has not counts as somebody else’s and readable; access rights are not checked.',
  },
  {
    method: 'models',
    state: 'partly',
    note: 'The Gemini 2.5 and 3 models by id. Tuned models, endpoints, other publishers and the restriction of older models to older projects are not there.',
  },
  {
    method: 'replay',
    state: 'partly',
    note: 'Answers requests with one image in Cloud Storage, whatever their prompt says; the recorded model need not be the one asked.',
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
    note: 'A script’s `concurrency`, `rate` and shares of 429 take their place.',
  },
]
