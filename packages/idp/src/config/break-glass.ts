import { z } from 'zod'
import { IdpError } from '../error.ts'

/** What an instance needs to carry out an incident by itself, when it is asked to by the API. */
export interface BreakGlassSettings {
  /** Which APIs it refreshes and probes, and no other: whoever asks cannot send it anywhere else. As `--api` takes them. */
  apis: string
  /** The file of the key that evidence is signed by. */
  evidenceKeyFile: string | undefined
  /** What the APIs' internal endpoints ask for, newest first, or the file that holds it. */
  refreshToken: { value: string } | { file: string } | undefined
}

export const breakGlassVariables = {
  REKEY_APIS: z.string().default(''),
  REKEY_EVIDENCE_KEY: z
    .string()
    .regex(/^file:./, 'file:/path')
    .optional(),
  INTERNAL_JWKS_REFRESH_TOKEN: z.string().optional(),
  INTERNAL_JWKS_REFRESH_TOKEN_FILE: z.string().optional(),
}

type Given = z.infer<z.ZodObject<typeof breakGlassVariables>>

/** @throws IdpError `CONFIG_INVALID` */
export function breakGlassOf(given: Given): BreakGlassSettings {
  const { INTERNAL_JWKS_REFRESH_TOKEN: value, INTERNAL_JWKS_REFRESH_TOKEN_FILE: file } = given
  if (value !== undefined && file !== undefined) {
    throw new IdpError(
      'CONFIG_INVALID',
      'INTERNAL_JWKS_REFRESH_TOKEN and INTERNAL_JWKS_REFRESH_TOKEN_FILE are both set: which one is meant?',
    )
  }
  const [, inline] = /^file:(.+)$/.exec(value ?? '') ?? []
  const path = file ?? inline
  return {
    apis: given.REKEY_APIS,
    evidenceKeyFile: given.REKEY_EVIDENCE_KEY?.slice('file:'.length),
    refreshToken: path !== undefined ? { file: path } : value === undefined ? undefined : { value },
  }
}
