/** Where a place, a number of a name or an id is expected and there is none: in every column of a lane's memory. */
export const none = -1;
