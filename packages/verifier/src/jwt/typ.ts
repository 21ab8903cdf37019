import { VerifyError } from '../error.ts'

/** Which `typ` a token may have: one, one of several (`null` among them: it may have none), or `null` for any. */
export type RequiredTyp = string | null | readonly (string | null)[]

/** RFC 7515 §4.1.9: a media type, compared without case, whose `application/` may be left out. */
function mediaType(typ: string): string {
  const lower = typ.toLowerCase()
  return lower.startsWith('application/') ? lower.slice('application/'.length) : lower
}

function accepted(typ: unknown): string | null {
  if (typ === null) return null
  if (typeof typ === 'string' && typ !== '') return mediaType(typ)
  throw new TypeError('requiredTyp must be a media type, a list of media types, or explicitly null')
}

/** The types as {@link checkTyp} wants them. @throws {TypeError} for a list that accepts nothing, or a type that is none. */
export function acceptedTypes(required: RequiredTyp): readonly (string | null)[] | null {
  if (required === null) return null
  const types = (typeof required === 'string' ? [required] : [...required]).map(accepted)
  if (types.length === 0) throw new TypeError('requiredTyp must name at least one type')
  return types
}

export function checkTyp(typ: string | undefined, types: readonly (string | null)[] | null | undefined): void {
  if (types === null || types === undefined) return
  if (!types.includes(typ === undefined ? null : mediaType(typ))) throw new VerifyError('type_mismatch')
}
