import { EngineError } from '../../model/errors.ts';
import { fileTrouble } from '../../model/file-trouble.ts';
import { readTextFile } from '../../model/read-text.ts';
import { type GraphqlSettings, isGraphqlPath } from '../../serving/graphql/config.ts';
import { type Documents, ListedDocuments, readDocumentList, SentDocuments } from '../../serving/graphql/documents.ts';
import type { Door } from '../../serving/http/door.ts';
import { LateDoor } from '../../serving/http/late-door.ts';
import type { Service } from '../../serving/service.ts';

/** The GraphQL door of this configuration; none where it is shut. Throws CONFIG_INVALID for a list of documents that is none. */
export function openGraphqlDoor(
  settings: GraphqlSettings,
  service: Service,
  onTrouble: (error: unknown, requestId: string) => void,
): Door[] {
  if (!settings.enabled) return [];
  const documents = openDocuments(settings.documents);
  const load = async (): Promise<Door> => {
    const { GraphqlDoor } = await import('../../serving/graphql/graphql-door.ts');
    return new GraphqlDoor({ service, settings, documents, onTrouble });
  };
  return [new LateDoor('graphql', isGraphqlPath, load)];
}

/** Throws CONFIG_INVALID. */
export function openDocuments(file: string | null): Documents {
  if (file === null) return new SentDocuments();
  return new ListedDocuments(readDocumentList(readList(file), file));
}

function readList(file: string): string {
  try {
    return readTextFile(file);
  } catch (cause) {
    const message = `serving.graphql.documents: ${fileTrouble(cause, file)}`;
    throw new EngineError('CONFIG_INVALID', message, { cause });
  }
}
