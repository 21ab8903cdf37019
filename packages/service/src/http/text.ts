import { z } from 'zod'

/** A line of text as a person writes it. PostgreSQL can store neither U+0000 nor half of a surrogate pair. */
export function lineOf(maxLength: number) {
  return z
    .string()
    .trim()
    .min(1)
    .max(maxLength)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'no control characters')
}
