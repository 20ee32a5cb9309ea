import { protoPackage } from './services.ts';

/** Packages of gRPC server reflection. */
export const reflectionPackages = ['grpc.reflection.v1', 'grpc.reflection.v1alpha'] as const;

export function isReflection(path: string): boolean {
  return reflectionPackages.some((name) => path.startsWith(`/${name}.`));
}

/** Procedures of ours, and reflection. */
export function isProcedure(path: string): boolean {
  return path.startsWith(`/${protoPackage}.`) || isReflection(path);
}
