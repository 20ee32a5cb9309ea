import { readFileSync } from 'node:fs';
import { createFileRegistry, type DescMethod, type DescService, fromBinary, type Registry } from '@bufbuild/protobuf';
import { type FileDescriptorSet, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { assert } from '../../model/errors.ts';
import { type OperationName, operationNames } from '../operations.ts';
import { procedureOf, protoPackage, serviceOf, watchProcedure } from './services.ts';

/** The contracts of schemas/proto/ as buf compiled them. */
export interface Contract {
  readonly registry: Registry;
  readonly image: FileDescriptorSet;
  readonly services: readonly DescService[];
  /** The operation of each procedure, and whether it is sent as a stream. */
  operationOf(method: DescMethod): { readonly name: OperationName; readonly isWatched: boolean };
  /** Told with every refusal. */
  readonly errorDetail: NonNullable<ReturnType<Registry['getMessage']>>;
}

const image = new URL('../../../schemas/proto/paceline.binpb', import.meta.url);

export function readContract(): Contract {
  const files = fromBinary(FileDescriptorSetSchema, readFileSync(image));
  const registry = createFileRegistry(files);
  const byProcedure = new Map<string, OperationName>(
    operationNames.map((name) => [`${protoPackage}.${serviceOf[name]}.${procedureOf(name)}`, name]),
  );
  const watched = `${protoPackage}.${watchProcedure.service}.${watchProcedure.name}`;
  const services = [...new Set(operationNames.map((name) => serviceOf[name]))].map((name) => {
    const service = registry.getService(`${protoPackage}.${name}`);
    assert(service !== undefined, `schemas/proto/ has the service ${name}; "npm run docs" writes it`);
    return service;
  });
  const errorDetail = registry.getMessage(`${protoPackage}.ErrorDetail`);
  assert(errorDetail !== undefined, 'schemas/proto/ has what errors say');
  return {
    ...{ registry, services, errorDetail, image: files },
    operationOf(method) {
      const procedure = `${method.parent.typeName}.${method.name}`;
      if (procedure === watched) return { name: watchProcedure.of, isWatched: true };
      const name = byProcedure.get(procedure);
      assert(name !== undefined, `${procedure} is an operation`);
      return { name, isWatched: false };
    },
  };
}
