import sys
C=[*map(int,input().split())]
T={0:[]};E=[0]
while E:E=[s+c for s in E for c in C if s+c<=20000 and s+c not in T and not T.__setitem__(s+c,(c,s))]
for a in map(int,sys.stdin.read().split()):
    u=[]
    while a and a in T:c,a=T[a];u+=c,
    print(*["impossible"]if a else u if sys.argv[1:]else[len(u)])
