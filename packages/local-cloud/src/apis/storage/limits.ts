/** Bytes of an object's name in UTF-8 (https://cloud.google.com/storage/quotas#objects). */
export const MAX_OBJECT_NAME_BYTES = 1024

/** All custom metadata keys and values of an object together (https://cloud.google.com/storage/quotas#objects). */
export const MAX_CUSTOM_METADATA_BYTES = 8 * 1024

/** https://cloud.google.com/storage/docs/json_api/v1/objects/list: the server's own ceiling for maxResults. */
export const MAX_LIST_RESULTS = 1000

/** Chunks of a resumable upload are multiples of this, except for the last (https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload). */
export const RESUMABLE_CHUNK_BYTES = 256 * 1024

/** A resumable session ends after one week (https://cloud.google.com/storage/docs/resumable-uploads#session-uris). */
export const RESUMABLE_SESSION_MS = 7 * 24 * 60 * 60 * 1000

/** Labels of a bucket, and the length of their keys and values (https://cloud.google.com/storage/docs/tags-and-labels#bucket-labels). */
export const MAX_LABELS = 64
export const MAX_LABEL_CHARACTERS = 63
