import type { EnumType, Field, MessageType } from '../../kernel/proto-json.ts'

/** The package of the messages, for the names in error messages. */
const PACKAGE = 'google.cloud.aiplatform.v1'

function enumType(name: string, values: readonly string[], ignoresCase = false): EnumType {
  return { name: `${PACKAGE}.${name}`, values, ...(ignoresCase ? { ignoresCase } : {}) }
}

function prefixed(prefix: string, names: readonly string[]): string[] {
  return names.map((name) => `${prefix}_${name}`)
}

const string: Field = { type: 'string' }
const float: Field = { type: 'float' }
const int32: Field = { type: 'int32' }
const int64: Field = { type: 'int64' }
const bool: Field = { type: 'bool' }
const strings: Field = { type: 'string', kind: 'repeated' }
const refused: Field = { type: 'value', isRefused: true }

const MEDIA_RESOLUTIONS = prefixed('MEDIA_RESOLUTION', ['UNSPECIFIED', 'LOW', 'MEDIUM', 'HIGH'])

const BLOB: MessageType = {
  name: `${PACKAGE}.Blob`,
  fields: { mimeType: string, data: { type: 'bytes' }, displayName: string },
}

const FILE_DATA: MessageType = {
  name: `${PACKAGE}.FileData`,
  fields: { mimeType: string, fileUri: string, displayName: string },
}

const PART_MEDIA_RESOLUTION: MessageType = {
  name: `${PACKAGE}.Part.MediaResolution`,
  fields: {
    level: { type: enumType('Part.MediaResolution.Level', [...MEDIA_RESOLUTIONS, 'MEDIA_RESOLUTION_ULTRA_HIGH']) },
  },
}

/** https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference#part */
const PART: MessageType = {
  name: `${PACKAGE}.Part`,
  oneof: [
    'text',
    'inlineData',
    'fileData',
    'functionCall',
    'functionResponse',
    'executableCode',
    'codeExecutionResult',
  ],
  fields: {
    text: string,
    inlineData: { type: () => BLOB },
    fileData: { type: () => FILE_DATA },
    thought: bool,
    thoughtSignature: { type: 'bytes' },
    mediaResolution: { type: () => PART_MEDIA_RESOLUTION },
    functionCall: refused,
    functionResponse: refused,
    executableCode: refused,
    codeExecutionResult: refused,
    videoMetadata: refused,
  },
}

const CONTENT: MessageType = {
  name: `${PACKAGE}.Content`,
  fields: { role: string, parts: { type: () => PART, kind: 'repeated' } },
}

const THINKING_CONFIG: MessageType = {
  name: `${PACKAGE}.GenerationConfig.ThinkingConfig`,
  fields: {
    includeThoughts: bool,
    thinkingBudget: int32,
    thinkingLevel: {
      type: enumType('GenerationConfig.ThinkingConfig.ThinkingLevel', [
        'THINKING_LEVEL_UNSPECIFIED',
        'MINIMAL',
        'LOW',
        'MEDIUM',
        'HIGH',
      ]),
    },
  },
}

/** https://cloud.google.com/vertex-ai/docs/reference/rest/v1/Schema */
const SCHEMA: MessageType = {
  name: `${PACKAGE}.Schema`,
  fields: {
    type: {
      type: enumType(
        'Type',
        ['TYPE_UNSPECIFIED', 'STRING', 'NUMBER', 'INTEGER', 'BOOLEAN', 'ARRAY', 'OBJECT', 'NULL'],
        true,
      ),
    },
    format: string,
    title: string,
    description: string,
    nullable: bool,
    default: { type: 'value' },
    items: { type: () => SCHEMA },
    minItems: int64,
    maxItems: int64,
    enum: strings,
    properties: { type: () => SCHEMA, kind: 'map' },
    propertyOrdering: strings,
    required: strings,
    minProperties: int64,
    maxProperties: int64,
    minimum: float,
    maximum: float,
    minLength: int64,
    maxLength: int64,
    pattern: string,
    example: { type: 'value' },
    anyOf: { type: () => SCHEMA, kind: 'repeated' },
  },
}

/** https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference#generationconfig */
const GENERATION_CONFIG: MessageType = {
  name: `${PACKAGE}.GenerationConfig`,
  fields: {
    temperature: float,
    topP: float,
    topK: float,
    candidateCount: int32,
    maxOutputTokens: int32,
    stopSequences: strings,
    presencePenalty: float,
    frequencyPenalty: float,
    seed: int32,
    responseMimeType: string,
    responseSchema: { type: () => SCHEMA },
    responseJsonSchema: { type: 'value' },
    mediaResolution: { type: enumType('GenerationConfig.MediaResolution', MEDIA_RESOLUTIONS) },
    thinkingConfig: { type: () => THINKING_CONFIG },
    responseModalities: {
      type: enumType('GenerationConfig.Modality', ['MODALITY_UNSPECIFIED', 'TEXT', 'IMAGE', 'AUDIO']),
      kind: 'repeated',
    },
    responseLogprobs: refused,
    logprobs: refused,
    routingConfig: refused,
    modelConfig: refused,
    speechConfig: refused,
    imageConfig: refused,
    audioTimestamp: refused,
    enableAffectiveDialog: refused,
  },
}

const HARM_CATEGORIES = prefixed('HARM_CATEGORY', [
  'UNSPECIFIED',
  'HATE_SPEECH',
  'DANGEROUS_CONTENT',
  'HARASSMENT',
  'SEXUALLY_EXPLICIT',
  'CIVIC_INTEGRITY',
  'JAILBREAK',
  'IMAGE_HATE',
  'IMAGE_DANGEROUS_CONTENT',
  'IMAGE_HARASSMENT',
  'IMAGE_SEXUALLY_EXPLICIT',
])

const THRESHOLDS = [
  'HARM_BLOCK_THRESHOLD_UNSPECIFIED',
  'BLOCK_LOW_AND_ABOVE',
  'BLOCK_MEDIUM_AND_ABOVE',
  'BLOCK_ONLY_HIGH',
  'BLOCK_NONE',
  'OFF',
]

const SAFETY_SETTING: MessageType = {
  name: `${PACKAGE}.SafetySetting`,
  fields: {
    category: { type: enumType('HarmCategory', HARM_CATEGORIES) },
    threshold: { type: enumType('SafetySetting.HarmBlockThreshold', THRESHOLDS) },
    method: {
      type: enumType('SafetySetting.HarmBlockMethod', ['HARM_BLOCK_METHOD_UNSPECIFIED', 'SEVERITY', 'PROBABILITY']),
    },
  },
}

/** https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference */
export const GENERATE_CONTENT_REQUEST: MessageType = {
  name: `${PACKAGE}.GenerateContentRequest`,
  fields: {
    model: string,
    contents: { type: () => CONTENT, kind: 'repeated' },
    systemInstruction: { type: () => CONTENT },
    safetySettings: { type: () => SAFETY_SETTING, kind: 'repeated' },
    generationConfig: { type: () => GENERATION_CONFIG },
    labels: { type: 'string', kind: 'map' },
    tools: refused,
    toolConfig: refused,
    cachedContent: refused,
    modelArmorConfig: refused,
    serviceTier: refused,
  },
}

/** https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/count-tokens */
export const COUNT_TOKENS_REQUEST: MessageType = {
  name: `${PACKAGE}.CountTokensRequest`,
  fields: {
    model: string,
    contents: { type: () => CONTENT, kind: 'repeated' },
    systemInstruction: { type: () => CONTENT },
    generationConfig: { type: () => GENERATION_CONFIG },
    instances: refused,
    tools: refused,
  },
}
