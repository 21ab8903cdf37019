import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { root } from '../repository.ts'

export interface Service {
  readonly image: string
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: readonly string[]
  readonly read_only?: boolean
  readonly security_opt?: readonly string[]
  readonly cap_drop?: readonly string[]
  readonly healthcheck?: object
  readonly build?: { readonly target: string }
  readonly depends_on?: Readonly<Record<string, object>>
  readonly profiles?: readonly string[]
  readonly volumes?: readonly string[]
  readonly networks?: readonly string[] | Readonly<Record<string, { readonly ipv4_address?: string }>>
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

export const composeFile = join(root, 'deploy/compose.yaml')

/** With its merge keys (`<<`) carried out. */
export function compose(): Compose {
  return parse(readFileSync(composeFile, 'utf8'), { merge: true })
}

/** `${NAME:-default}` as it is without the variable. */
export function interpolated(text: string): string {
  return text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')
}
