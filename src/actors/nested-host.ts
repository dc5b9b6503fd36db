import type { DropReason } from './drop-reason.ts';
import type { Frame } from './frame.ts';
import type { LayerHost } from './host.ts';
import type { MachineObserver } from './machine-host.ts';
import type { JournalData } from './tap.ts';

/** What a nested layer tells the layer that it is part of. */
export interface NestedOwner {
  readonly host: LayerHost;
  readonly label: string;
  drop(reason: DropReason, frame?: Frame, detail?: JournalData): void;
}

/**
 * The world of a layer that is part of another one: its timers, ports, machines and drops are the outer layer's, under names that begin
 * with `key` and a slash.
 */
export function nestedHost({ host, label, drop }: NestedOwner, key: string): LayerHost {
  return {
    now_us: () => host.now_us(),
    setTimer: (_, name, delay_us) => host.setTimer(label, `${key}/${name}`, delay_us),
    clearTimer: (_, name) => host.clearTimer(label, `${key}/${name}`),
    randomBytes: (_, length) => host.randomBytes(label, length),
    vault: host.vault,
    frame: (...args) => host.frame(...args),
    port: (_, name) => host.port(label, `${key}/${name}`),
    drop: (_, reason, frame, detail) => drop(reason, frame, detail),
    note: (_, name, data) => host.note(label, name, data),
    observer: () => nestedObserver(host.observer(label), key),
    openTls: (_, engine, options) => host.openTls(label, `${key}/${engine}`, options),
    tlsEngine: (_, engine) => host.tlsEngine(label, `${key}/${engine}`),
    closeTls: (_, engine) => host.closeTls(label, `${key}/${engine}`),
  };
}

/** Key and own name of a timer of a nested layer. */
export function nestedName(name: string): readonly [key: string, own: string] {
  const slash = name.indexOf('/');
  return [name.slice(0, slash), name.slice(slash + 1)];
}

/** Name of a machine of a nested layer in the outer one. */
export function nestedInstance(key: string, instance: string): string {
  return instance === '' ? key : `${key}/${instance}`;
}

function nestedObserver(observer: MachineObserver, key: string): MachineObserver {
  return {
    transition: (instance, ...rest) => observer.transition(nestedInstance(key, instance), ...rest),
    command: (instance, command) => observer.command(nestedInstance(key, instance), command),
  };
}
