import { readFileSync } from 'node:fs'
import { RegistrationError, systemCode } from '../error.ts'
import { isHttp } from './base-url.ts'

/** Environment variables by their names. */
export type Environment = Readonly<Record<string, string | undefined>>

export function invalid(name: string, problem: string): RegistrationError {
  return new RegistrationError('CONFIG_INVALID', `${name} ${problem}`)
}

/** The trimmed value; an empty one counts as not set, as compose files write it. */
export function text(env: Environment, name: string): string | undefined {
  return env[name]?.trim() || undefined
}

export function required(env: Environment, name: string, meaning: string): string {
  const value = text(env, name)
  if (value === undefined) throw invalid(name, `is not set: ${meaning}.`)
  return value
}

export function flag(env: Environment, name: string, fallback: boolean): boolean {
  const value = text(env, name)?.toLowerCase()
  if (value === undefined) return fallback
  if (['true', '1', 'yes', 'on'].includes(value)) return true
  if (['false', '0', 'no', 'off'].includes(value)) return false
  throw invalid(name, 'is neither true nor false.')
}

export function days(env: Environment, name: string): number | undefined {
  return numberOf(env, name, /^-?\d{1,5}(?:\.\d{1,6})?$/, 'is not a number of days.')
}

export function count(env: Environment, name: string): number | undefined {
  return numberOf(env, name, /^-?\d{1,5}$/, 'is not a whole number.')
}

function numberOf(env: Environment, name: string, form: RegExp, problem: string): number | undefined {
  const value = text(env, name)
  if (value === undefined) return undefined
  if (!form.test(value)) throw invalid(name, problem)
  return Number(value)
}

export function oneOf<T extends string>(env: Environment, name: string, values: readonly T[]): T | undefined {
  const value = text(env, name)
  if (value === undefined) return undefined
  const found = values.find((one) => one === value)
  if (found === undefined) throw invalid(name, `is none of ${values.join(', ')}.`)
  return found
}

export function httpUrl(env: Environment, name: string): string | undefined {
  const value = text(env, name)
  if (value === undefined) return undefined
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined || !isHttp(url) || url.hash) throw invalid(name, 'is not an http or https URL.')
  return value
}

const LINE = /^[\x21-\x7e]+$/

/** A token: as it is, as `file:/path`, or in the file that `<name>_FILE` names. */
export function secret(env: Environment, name: string): string | undefined {
  const direct = text(env, name)
  const file = direct?.startsWith('file:') ? direct.slice('file:'.length) : text(env, `${name}_FILE`)
  if (direct !== undefined && !direct.startsWith('file:') && file !== undefined) {
    throw invalid(name, `and ${name}_FILE are both set: keep one.`)
  }
  const value = file === undefined ? direct : contents(name, file)
  if (value !== undefined && !LINE.test(value)) throw invalid(name, 'holds white space or characters no token has.')
  return value
}

function contents(name: string, path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined
  } catch (error) {
    throw invalid(name, `names a file that cannot be read (${systemCode(error) ?? 'unknown'}).`)
  }
}
