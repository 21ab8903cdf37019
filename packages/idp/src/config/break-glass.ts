import { type ApiTarget, readTargets } from '@rekey/breakglass'
import { z } from 'zod'
import { IdpError } from '../error.ts'
import { type BffTarget, bffTargets } from './bffs.ts'

/** What an instance needs to carry out an incident by itself, when it is asked to by the API. */
export interface BreakGlassSettings {
  /** Which APIs it refreshes and probes, and no other: whoever asks cannot send it anywhere else. */
  apis: ApiTarget[]
  /** The file of the key that evidence is signed by. */
  evidenceKeyFile: string | undefined
  /** The two variables that say what the APIs' internal endpoints ask for. A file is read when an incident is carried out. */
  refreshToken: Pick<Given, 'INTERNAL_JWKS_REFRESH_TOKEN' | 'INTERNAL_JWKS_REFRESH_TOKEN_FILE'>
  /** Which backends for frontends it tells that sessions end. */
  bffs: BffTarget[]
  /** The same for those that name no token of their own. */
  bffToken: Pick<Given, 'REKEY_BFF_ADMIN_TOKEN' | 'REKEY_BFF_ADMIN_TOKEN_FILE'>
}

/** As `--api` takes them, but for `@FILE`. */
const targets = z.string().transform((text, context) => {
  try {
    return readTargets(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
})

export const breakGlassVariables = {
  REKEY_APIS: targets.default([]),
  REKEY_EVIDENCE_KEY: z
    .string()
    .regex(/^file:./, 'file:/path')
    .optional(),
  INTERNAL_JWKS_REFRESH_TOKEN: z.string().optional(),
  INTERNAL_JWKS_REFRESH_TOKEN_FILE: z.string().optional(),
  REKEY_BFFS: bffTargets.default([]),
  REKEY_BFF_ADMIN_TOKEN: z.string().optional(),
  REKEY_BFF_ADMIN_TOKEN_FILE: z.string().optional(),
}

type Given = z.infer<z.ZodObject<typeof breakGlassVariables>>

/** @throws IdpError `CONFIG_INVALID` */
export function breakGlassOf(given: Given): BreakGlassSettings {
  requireOne(given, 'INTERNAL_JWKS_REFRESH_TOKEN')
  requireOne(given, 'REKEY_BFF_ADMIN_TOKEN')
  const { INTERNAL_JWKS_REFRESH_TOKEN, INTERNAL_JWKS_REFRESH_TOKEN_FILE } = given
  const { REKEY_BFF_ADMIN_TOKEN, REKEY_BFF_ADMIN_TOKEN_FILE } = given
  return {
    apis: given.REKEY_APIS,
    evidenceKeyFile: given.REKEY_EVIDENCE_KEY?.slice('file:'.length),
    refreshToken: { INTERNAL_JWKS_REFRESH_TOKEN, INTERNAL_JWKS_REFRESH_TOKEN_FILE },
    bffs: given.REKEY_BFFS,
    bffToken: { REKEY_BFF_ADMIN_TOKEN, REKEY_BFF_ADMIN_TOKEN_FILE },
  }
}

function requireOne(given: Given, name: 'INTERNAL_JWKS_REFRESH_TOKEN' | 'REKEY_BFF_ADMIN_TOKEN'): void {
  if (given[name] === undefined || given[`${name}_FILE`] === undefined) return
  throw new IdpError('CONFIG_INVALID', `${name} and ${name}_FILE are both set: which one is meant?`)
}
