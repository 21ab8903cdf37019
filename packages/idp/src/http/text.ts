import { z } from 'zod'

/** A line of text as a person writes it: trimmed, not empty, no control characters (PostgreSQL cannot store U+0000). */
export function lineOf(maxLength: number) {
  return z
    .string()
    .trim()
    .min(1)
    .max(maxLength)
    .regex(/^\P{Cc}*$/u, 'no control characters')
}
